//! See `cnb_fuzz::images`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus { cnb_fuzz::images::check(data).into() });
