//! See `cnb_fuzz::labels`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus { cnb_fuzz::labels::check(data).into() });
