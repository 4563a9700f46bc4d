//! See `cnb_fuzz::tar_bytes`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::tar_bytes::check(data).into()
});
