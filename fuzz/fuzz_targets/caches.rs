//! See `cnb_fuzz::caches`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus { cnb_fuzz::caches::check(data).into() });
