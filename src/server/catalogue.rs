//! Plans and prices: two files, or the samples that come with the program; read and checked together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wallet::catalog_error::CatalogError;
use wallet::plan::{self, PlanCatalog};
use wallet::rate_card::{self, RateCard};

use crate::config::CatalogPart;
use crate::text_file::{self, TextFileError};

/// What the plans are where no file is named.
const SAMPLE_PLANS: Sample = Sample { name: "config/plans.toml", text: include_str!("../../config/plans.toml") };
/// What the prices are where no file is named.
const SAMPLE_RATES: Sample = Sample { name: "config/rates.toml", text: include_str!("../../config/rates.toml") };

/// The largest file of a catalogue that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

struct Sample {
    name: &'static str,
    text: &'static str,
}

/// The plans and prices that a daemon goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// What can be subscribed to, and the bundles (R9, R14).
    pub plans: Arc<PlanCatalog>,
    /// What generations cost (R17).
    pub rates: Arc<RateCard>,
}

/// The plans or the prices cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// A file cannot be read at all.
    #[error("{key} = {}: {error}", path.display())]
    Unreadable {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: TextFileError,
    },
    /// What is in it is refused.
    #[error(transparent)]
    Wrong(#[from] CatalogError),
}

impl Catalogue {
    /// Reads and checks both, each by itself and that some plan reaches every tier that a price names.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn load(part: &CatalogPart) -> Result<Self, CatalogueError> {
        let (plans, rates) = read_both(part)?;
        let read = plan::parse::plan_catalog(&plans.name, &plans.text)?;
        rate_card::parse::known_tiers(&rates.name, &rates.text, &read)?;
        let card = rate_card::parse::rate_card(&rates.name, &rates.text)?;
        Ok(Self { plans: Arc::new(read), rates: Arc::new(card) })
    }

    /// Reads and checks what is to take the place of this: ids keep their meaning, and other prices have a higher version.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn successor(&self, part: &CatalogPart) -> Result<Self, CatalogueError> {
        let (plans, rates) = read_both(part)?;
        let read = plan::parse::successor(&plans.name, &plans.text, &self.plans)?;
        rate_card::parse::known_tiers(&rates.name, &rates.text, &read)?;
        let card = rate_card::parse::successor(&rates.name, &rates.text, &self.rates)?;
        Ok(Self { plans: Arc::new(read), rates: Arc::new(card) })
    }
}

/// A file's text, and the name by which errors know it.
struct Text {
    name: String,
    text: String,
}

fn read_both(part: &CatalogPart) -> Result<(Text, Text), CatalogueError> {
    Ok((read("catalog.plans", &part.plans, &SAMPLE_PLANS)?, read("catalog.rates", &part.rates, &SAMPLE_RATES)?))
}

fn read(key: &'static str, path: &Path, sample: &Sample) -> Result<Text, CatalogueError> {
    if path.as_os_str().is_empty() {
        return Ok(Text { name: sample.name.to_owned(), text: sample.text.to_owned() });
    }
    let unreadable = |error| CatalogueError::Unreadable { key, path: path.to_owned(), error };
    let text = text_file::read(path, FILE_BYTES_MAX).map_err(unreadable)?;
    Ok(Text { name: path.display().to_string(), text })
}

#[cfg(test)]
mod tests;
