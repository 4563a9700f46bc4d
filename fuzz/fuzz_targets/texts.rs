//! See `cnb_fuzz::texts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus { cnb_fuzz::texts::check(data).into() });
