//! A start with many wallets, and with journal that the projections have not followed.

use crate::bench::place::Wanted;
use crate::bench::shape::Shape;
use crate::bench::speed::{Play, float};
use crate::exit::Failure;

impl Play<'_> {
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        self.must_be_own()?;
        let behind_bytes = self.bench.shape.behind_bytes;
        self.figures.parameter("behind_bytes", behind_bytes);
        let place = self.company.open(&Wanted { behind_bytes, ..Wanted::of(&self.shape) }).await?;
        self.tell("ready_seconds", place.ready_after.as_secs_f64());
        let resident = self.company.resident_bytes(&place).unwrap_or(0);
        self.tell("resident_bytes", float(resident));
        let lines: Vec<String> = self.company.daemon(&place).map(|daemon| parts(&daemon.log())).unwrap_or_default();
        for line in lines {
            self.figures.note(line);
        }
        let page = self.company.page(&place)?;
        let wallets = page.map_or(0.0, |page| page.value("creditd_wallets"));
        let expected = f64::from(self.shape.wallets);
        self.figures.must(wallets == expected, || format!("{wallets} wallets were loaded of {expected}"));
        // What was loaded works.
        let shape = Shape { connections: 1, ..self.shape.tenth() };
        self.measure(&place, &shape).await?;
        Ok(())
    }
}

/// The lines of the log that tell the parts of a start.
fn parts(log: &str) -> Vec<String> {
    let told = ["journal checked", "rows are in memory", "catching up", "caught up", "memory loaded", "ready"];
    log.lines().filter(|line| told.iter().any(|part| line.contains(part))).map(ToOwned::to_owned).collect()
}
