//! Where something was measured: a figure without its machine says little.

use std::fs;
use std::thread;

use serde::Serialize;

/// The machine of the bench; load and daemon share it unless `--address` names another one. Members are stable; what a
/// system does not tell is left empty or zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    /// The processor's name.
    pub(crate) cpu: String,
    /// The system's name and release.
    pub(crate) kernel: String,
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
    /// The version of this program, which comes with the daemon's.
    pub(crate) creditd: &'static str,
}

impl Machine {
    /// This one, as `/proc` tells it.
    pub(crate) fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
            cpu: cpu(&read("/proc/cpuinfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            creditd: env!("CARGO_PKG_VERSION"),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let Self { cores, memory_bytes, cpu, kernel, os, arch, creditd } = self;
        let memory = memory_bytes >> 20;
        format!("{cores} cores, {memory} MiB, {cpu}, {os} {kernel} {arch}, creditd {creditd}")
    }
}

fn memory_bytes(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes: Option<u64> = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.unwrap_or(0) << 10
}

fn cpu(cpuinfo: &str) -> String {
    let named = |label: &str| {
        let value = cpuinfo.lines().find_map(|line| line.strip_prefix(label)?.trim_start().strip_prefix(':'));
        value.map(|name| name.trim().to_owned())
    };
    // Arm's has no name, but the number of its kind.
    named("model name").or_else(|| named("CPU part")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_read() {
        assert_eq!(memory_bytes("MemTotal:       24607500 kB\nMemFree: 1 kB\n"), 24_607_500 << 10);
        assert_eq!(memory_bytes(""), 0);
        assert_eq!(cpu("processor\t: 0\nmodel name\t: AMD EPYC\nflags : a\n"), "AMD EPYC");
        assert_eq!(cpu("processor\t: 0\nCPU part\t: 0xd0c\n"), "0xd0c");
        assert_eq!(cpu(""), "");
    }

    #[test]
    fn this_machine_has_cores_and_memory() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.memory_bytes > 0, "{machine:?}");
        assert!(machine.line().contains("cores"));
    }
}
