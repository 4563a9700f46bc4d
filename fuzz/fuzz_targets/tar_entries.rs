//! See `cnb_fuzz::tar_entries`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::tar_entries::check(data).into()
});
