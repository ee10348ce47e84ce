//! The load for Redis, made like `creditctl bench`: one thread, a closed loop, half reserves and half commits of what was
//! granted, every answer checked. `../run` calls it; it prints one JSON object.
//!
//! ```text
//! load open   ADDRESS WALLETS                                opens the wallets, and gives them credits
//! load run    ADDRESS WALLETS CONNECTIONS CALLS FRAME MS     CALLS functions in flight a connection, FRAME operations each
//! load totals ADDRESS                                        sums over all that the server has
//! ```

mod answers;
mod calls;
mod flight;
mod run;
mod setup;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::run::Shape;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match told(&arguments) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn told(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["open", address, wallets] => setup::open(address, wallets.parse()?),
        ["totals", address] => setup::totals(address),
        ["run", address, wallets, connections, calls, frame, ms] => {
            let shape = Shape {
                wallets: wallets.parse()?,
                connections: connections.parse()?,
                calls: calls.parse()?,
                frame: frame.parse()?,
                time: Duration::from_millis(ms.parse()?),
            };
            run::run(address, shape)
        }
        _ => Err("open ADDRESS WALLETS, run ADDRESS WALLETS CONNECTIONS CALLS FRAME MS, or totals ADDRESS".into()),
    }
}
