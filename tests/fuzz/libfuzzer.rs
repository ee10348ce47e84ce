//! The targets under libFuzzer: `FUZZ_TARGET` says which. Memory beyond a target's bound is refused, which ends the run
//! as a panic does.
#![no_main]

use std::alloc::System;
use std::sync::OnceLock;

use cap::Cap;
use fuzz::{Target, named};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

fn target() -> &'static Target {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // What is told about a failure needs memory of its own.
            let _ = MEMORY.set_limit(usize::MAX);
            report(panic);
        }));
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        named(&name).unwrap_or_else(|| panic!("FUZZ_TARGET={name} is not a target"))
    })
}

fuzz_target!(|data: &[u8]| {
    let target = target();
    let bound = MEMORY.allocated() + (target.memory)(data.len());
    MEMORY.set_limit(bound).expect("the bound is above what is there");
    (target.run)(data);
    MEMORY.set_limit(usize::MAX).expect("there is no bound between two runs");
});
