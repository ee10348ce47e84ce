//! What every subcommand works with: the client, and the ids that a call is repeated with.

use std::io::{self, Write};

use client::{Client, Options};
use protocol::{Answer, Command, CommandAnswer, Operation, Secret};

use crate::arguments::{Format, Global};
use crate::exit::Failure;

/// The client of one run.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) client: Client,
    pub(crate) options: Options,
    format: Format,
}

impl Tool {
    /// Connects with the first call.
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        let options = options(global, &global.address())?;
        Ok(Self { client: Client::new(options.clone()), options, format: global.format() })
    }

    /// Tells people what is going on, at once. Programs wait for the end.
    pub(crate) fn tell(&self, text: &str) {
        if self.format == Format::Table {
            // A pipe that nobody reads is not an error of this program.
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    /// One operation; `argument` and `id` say how to repeat it if its outcome is unknown.
    pub(crate) async fn operation(
        &self,
        operation: Operation,
        argument: &str,
        id: impl std::fmt::Display,
    ) -> Result<Answer, Failure> {
        self.client.operation(operation).await.map_err(|error| Failure::from(error).with_id(argument, id))
    }

    /// One command; the same.
    pub(crate) async fn command(
        &self,
        command: &Command,
        argument: &str,
        id: impl std::fmt::Display,
    ) -> Result<CommandAnswer, Failure> {
        self.client.command(command).await.map_err(|error| Failure::from(error).with_id(argument, id))
    }
}

/// The client's options for an address.
pub(crate) fn options(global: &Global, address: &str) -> Result<Options, Failure> {
    let token = Secret::new(global.token.as_deref().unwrap_or_default().as_bytes())
        .map_err(|error| Failure::usage(format!("the key is too long: {error}")))?;
    Ok(Options {
        name: concat!("creditctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        token,
        deadline: global.timeout,
        ..Options::new(address)
    })
}
