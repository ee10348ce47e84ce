//! `creditd`: the command line of the daemon, its log and its exit codes.

use std::io::{ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use creditd::catalogue::{Catalogue, CatalogueError};
use creditd::config::{Config, ConfigError, DurabilityKey, LogFormat, LogPart};
use creditd::shutdown::{EXIT_BUG, EXIT_CONFIGURATION, EXIT_WRITE_FAILED};
use creditd::start::{StartError, Wanted, needs_folder};
use creditd::{data, fsck, run, seed, shutdown};
use wallet::credits::Credits;

/// Directories of gigabytes, read at random: this allocator puts them on huge pages (decision 0013).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// In-memory credit authorization daemon: reserve before a generation, commit or refund after it.
#[derive(Parser)]
#[command(name = "creditd", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the daemon.
    Run(RunArguments),
    /// Makes a data folder.
    Init {
        /// The folder.
        dir: PathBuf,
    },
    /// Checks a data folder that no daemon uses: journal, records, invariants, projections. Changes nothing.
    ///
    /// Exit codes: 0 nothing is wrong, 1 findings, 2 what was asked for cannot be done, 70 a bug of this program, 75 the
    /// folder is in use, 78 it is no data folder or cannot be read.
    Fsck(FsckArguments),
    /// Makes a data folder with many accounts in it, for measurements: seconds where commands would take minutes.
    Seed(SeedArguments),
    /// Looks at the configuration without starting anything.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Says whether it, the plans and the prices are valid.
    Check {
        /// The file; without it the defaults and the environment.
        file: Option<PathBuf>,
    },
    /// Shows every key with the value that would be used.
    Show {
        /// The file; without it the defaults and the environment.
        file: Option<PathBuf>,
    },
}

#[derive(Clone, Parser)]
struct RunArguments {
    /// The configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Start at once, in a local folder that is made if it is missing.
    #[arg(long)]
    dev: bool,
    /// The data folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address of the binary protocol; port 0 picks one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Address of the HTTP port; port 0 picks one.
    #[arg(long)]
    http: Option<SocketAddr>,
    /// When answers leave.
    #[arg(long)]
    durability: Option<DurabilityArgument>,
}

#[derive(Clone, Parser)]
struct FsckArguments {
    /// The data folder.
    dir: PathBuf,
    /// Give up this record and all after it, where something is wrong and there is no backup. The journal as it was is
    /// kept beside the new one.
    #[arg(long, value_name = "POSITION")]
    truncate_at: Option<u64>,
    /// How the findings are shown.
    #[arg(short, long, value_enum, default_value_t = OutputArgument::Text)]
    output: OutputArgument,
}

#[derive(Clone, Parser)]
struct SeedArguments {
    /// The folder.
    dir: PathBuf,
    /// How many accounts.
    #[arg(long)]
    accounts: u32,
    /// The id of the first account, as a number; the others follow.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u128))]
    from: u128,
    /// Credits of a subscription that each account is given; 0 = none.
    #[arg(long, default_value_t = 0)]
    funds: u64,
    /// Bytes of reserves and commits that are in the journal and not in the projections, as after a crash.
    #[arg(long, default_value_t = 0)]
    behind_bytes: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum OutputArgument {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum DurabilityArgument {
    /// After the sync of their record.
    Sync,
    /// Before it, and they say so.
    Interval,
    /// Nothing is kept.
    Memory,
}

/// What ends the program, with its exit code.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Contradiction(#[from] creditd::config::Contradiction),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Data(#[from] data::DataError),
    #[error(transparent)]
    Run(#[from] run::RunError),
    #[error(transparent)]
    Seed(#[from] seed::SeedError),
    #[error("what was asked for cannot be written: {0}")]
    Output(#[source] std::io::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            // The thread that has failed knew.
            Self::Run(run::RunError::Start(StartError::Failed)) => {
                shutdown::code_of_the_end().unwrap_or(EXIT_WRITE_FAILED)
            }
            Self::Run(run::RunError::Start(error)) if error.is_of_the_disk() => EXIT_WRITE_FAILED,
            Self::Data(error) if error.is_of_the_disk() => EXIT_WRITE_FAILED,
            Self::Output(_) => EXIT_WRITE_FAILED,
            Self::Run(run::RunError::System(_) | run::RunError::Start(StartError::Thread(_))) => EXIT_BUG,
            _ => EXIT_CONFIGURATION,
        }
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => match run_daemon(&arguments) {
            Ok(()) => Ok(()),
            Err(failure) => end_run(&failure),
        },
        Command::Init { dir } => data::init(&dir).map_err(Failure::from),
        Command::Fsck(arguments) => return check_folder(&arguments),
        Command::Seed(arguments) => seed_folder(&arguments),
        Command::Config(ConfigCommand::Check { file }) => check(file.as_deref()),
        Command::Config(ConfigCommand::Show { file }) => show(file.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain("creditd", &failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Says on standard error what went wrong. Where that cannot be written, the exit code says it alone.
fn complain(program: &str, about: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{program}: {about}");
}

/// Ends a run that has failed, also where nobody takes what it has to say, and where threads still have stores open.
fn end_run(failure: &Failure) -> ! {
    let code = failure.exit_code();
    shutdown::end_soon(code);
    complain("creditd", failure);
    if matches!(failure, Failure::Run(run::RunError::Start(StartError::Failed))) {
        // The thread that has failed tells why.
        shutdown::wait_for_the_end();
    }
    shutdown::exit_now(code)
}

fn run_daemon(arguments: &RunArguments) -> Result<(), Failure> {
    shutdown::end_on_panic().map_err(run::RunError::System)?;
    let config = configure(arguments)?;
    let settings = config.validate()?;
    let again = arguments.clone();
    let catalogue = Catalogue::load(&settings.config.catalog)?;
    let wanted = Wanted { settings, catalogue, config_source: Arc::new(move || configure(&again)) };
    log(&config.log);
    let directory = match (needs_folder(wanted.settings.durability), arguments.dev) {
        (false, _) => None,
        (true, true) => Some(data::open_dev(&config.data.dir)?),
        (true, false) => Some(data::open(&config.data.dir)?),
    };
    run::run(wanted, directory, |ready| {
        // A daemon that nobody hears is as ready as another.
        let _ = writeln!(std::io::stdout(), "{ready}");
    })?;
    Ok(())
}

/// Makes a folder with accounts, with the allowance of the defaults and the environment.
fn seed_folder(arguments: &SeedArguments) -> Result<(), Failure> {
    let config = Config::load(None, std::env::vars_os())?;
    let SeedArguments { dir, accounts, from, funds, behind_bytes } = arguments;
    let seed = seed::Seed {
        from: *from,
        accounts: *accounts,
        funds: Credits::from_whole(*funds),
        behind_bytes: *behind_bytes,
        free: seed::Seed::allowance(&config.free),
    };
    Ok(seed::run(dir, &seed)?)
}

/// Checks a folder; the exit code says what came of it.
fn check_folder(arguments: &FsckArguments) -> ExitCode {
    let mut shown = fsck::Shown::new(fsck::bytes_of(&arguments.dir.join("journal")));
    let truncate_at = arguments.truncate_at.map(journal::Position);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        fsck::run(&arguments.dir, truncate_at, &mut |stage, done| shown.show(stage, done))
    }));
    shown.finish();
    match checked {
        Ok(Ok(done)) => {
            let text = match arguments.output {
                OutputArgument::Text => fsck::text(&done),
                OutputArgument::Json => fsck::json(&done),
            };
            // The exit code says what came of it to those who read no further, too.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::from(done.exit_code())
        }
        Ok(Err(error)) => {
            complain("creditd fsck", &error);
            ExitCode::from(error.exit_code())
        }
        Err(_) => ExitCode::from(EXIT_BUG),
    }
}

/// Defaults, file, environment, flags: each goes over the one before.
fn configure(arguments: &RunArguments) -> Result<Config, ConfigError> {
    let mut config = Config::load(arguments.config.as_deref(), std::env::vars_os())?;
    if arguments.dev {
        config.data.dir = PathBuf::from(data::DEV_FOLDER);
    }
    if let Some(dir) = &arguments.data {
        config.data.dir.clone_from(dir);
    }
    if let Some(listen) = arguments.listen {
        config.server.listen = listen;
    }
    if let Some(http) = arguments.http {
        config.server.http = http;
    }
    if let Some(durability) = arguments.durability {
        config.journal.durability = match durability {
            DurabilityArgument::Sync => DurabilityKey::Sync,
            DurabilityArgument::Interval => DurabilityKey::Interval,
            DurabilityArgument::Memory => DurabilityKey::Memory,
        };
    }
    Ok(config)
}

fn check(file: Option<&Path>) -> Result<(), Failure> {
    let settings = Config::load(file, std::env::vars_os())?.validate()?;
    Catalogue::load(&settings.config.catalog)?;
    show_text("valid\n")
}

fn show(file: Option<&Path>) -> Result<(), Failure> {
    show_text(&Config::load(file, std::env::vars_os())?.to_toml()?)
}

/// Writes what was asked for. Who reads no further has what he wanted.
fn show_text(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Log lines go to standard error: standard output has the one line that says where the daemon listens.
fn log(part: &LogPart) {
    // It was checked with the rest of the configuration.
    let filter = part.directives().unwrap_or_default();
    let ansi = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr);
    // Otherwise a line that cannot be written is told of where nothing can be written, and that panics.
    let lines = lines.log_internal_errors(false);
    match part.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
