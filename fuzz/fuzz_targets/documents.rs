//! See `cnb_fuzz::documents`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::documents::check(data).into()
});
