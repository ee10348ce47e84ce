//! What the daemon counts, read from its metrics page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::exit::{Exit, Failure};

/// How long the daemon may take to show them.
const PATIENCE: Duration = Duration::from_secs(30);

/// The page at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Page(String);

impl Page {
    /// Asks for it.
    pub(crate) fn of(http: &str) -> Result<Self, Failure> {
        let text =
            get(http).map_err(|error| Failure::new(Exit::Unreachable, "unreachable", format!("metrics: {error}")))?;
        Ok(Self(text))
    }

    /// The value of a metric, written with its labels as the page writes them; zero where it is not counted yet.
    pub(crate) fn value(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// Wallets that were rolled over a boundary of a kind.
    pub(crate) fn rolled(&self, kind: &str) -> f64 {
        self.value(&format!("creditd_reset_wallets_total{{kind=\"{kind}\"}}"))
    }
}

fn get(http: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: creditd\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_labels() {
        let page =
            Page("# TYPE a gauge\na 3\nb{kind=\"day\"} 4.5\ncreditd_reset_wallets_total{kind=\"day\"} 7\n".into());
        assert_eq!(page.value("a"), 3.0);
        assert_eq!(page.value("b{kind=\"day\"}"), 4.5);
        assert_eq!(page.value("missing"), 0.0);
        assert_eq!(page.rolled("day"), 7.0);
    }
}
