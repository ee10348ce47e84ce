//! Between the corpus in the repository and the folders of libFuzzer: `corpus list`, `corpus unpack TARGET FOLDER`,
//! `corpus pack TARGET FOLDER`.

use std::path::Path;
use std::process::ExitCode;

use fuzz::{TARGETS, named, packed};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["list"] => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        [verb @ ("unpack" | "pack"), name, folder] => {
            let Some(target) = named(name) else {
                eprintln!("{name} is not a target: see `corpus list`");
                return ExitCode::FAILURE;
            };
            let folder = Path::new(folder);
            if *verb == "unpack" {
                let corpus = packed::path(target).is_file().then(|| packed::read(target)).unwrap_or_default();
                for (number, input) in (target.seeds)().iter().chain(&corpus).enumerate() {
                    std::fs::write(folder.join(format!("{number:04}")), input).expect("the folder takes files");
                }
            } else {
                let files = std::fs::read_dir(folder).expect("a folder");
                let inputs = files.map(|file| std::fs::read(file.expect("an entry").path()).expect("a file"));
                std::fs::write(packed::path(target), packed::text(target, inputs.collect())).expect("written");
            }
        }
        _ => {
            eprintln!("corpus list | unpack TARGET FOLDER | pack TARGET FOLDER");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
