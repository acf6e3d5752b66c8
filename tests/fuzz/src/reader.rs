//! The fuzz target: any bytes as a file of the account index.

#![no_main]

mod walk;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    walk::input(input);
});
