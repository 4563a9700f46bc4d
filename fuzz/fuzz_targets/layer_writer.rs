//! See `cnb_fuzz::layer_writer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    cnb_fuzz::layer_writer::check(data).into()
});
