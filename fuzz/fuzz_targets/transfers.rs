//! See `cnb_fuzz::transfers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::transfers::check(data).into()
});
