//! See `cnb_fuzz::messages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::messages::check(data).into()
});
