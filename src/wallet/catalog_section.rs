//! Reading a catalogue file table by table: every key is known or refused, every error has its line. Amounts are read from
//! their digits, as text or as numbers: no float comes into being.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalog_error::{CatalogError, Source};
use crate::credits::{Credits, MILLICREDITS_PER_CREDIT};

/// A table of a catalogue file.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    source: Source<'a>,
    /// The tables it stands in, joined by dots; empty for the top.
    path: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// The top of a file; refuses keys other than `known`.
    pub(crate) fn top(
        source: Source<'a>,
        document: &'a Spanned<DeTable<'a>>,
        known: &[&str],
    ) -> Result<Self, CatalogError> {
        Self { source, path: String::new(), span: 0..0, table: document.get_ref() }.with_known(known)
    }

    fn with_known(self, known: &[&str]) -> Result<Self, CatalogError> {
        match self.table.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
            None => Ok(self),
            Some(key) => {
                let name = key.get_ref().as_ref();
                let error = CatalogError::at(&self.source, &key.span(), self.path_of(name), "unknown key");
                Err(error.nearest_of(name, known.iter().copied()))
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The line on which the table begins.
    pub(crate) fn line(&self) -> u32 {
        self.source.line_at(&self.span)
    }

    /// The byte of the text with which the table begins.
    pub(crate) const fn start(&self) -> usize {
        self.span.start
    }

    /// An error about the table as a whole.
    pub(crate) fn error(&self, message: impl Into<String>) -> CatalogError {
        CatalogError::at(&self.source, &self.span, self.path.clone(), message)
    }

    /// What a key has, if it is there.
    pub(crate) fn value(&self, key: &str) -> Option<Value<'a>> {
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some(Value { source: self.source, key: self.path_of(key), span: value.span(), value: value.get_ref() })
    }

    /// What a key has that must be there.
    pub(crate) fn required(&self, key: &str) -> Result<Value<'a>, CatalogError> {
        self.value(key).ok_or_else(|| {
            let error = CatalogError::at(&self.source, &self.span, self.path_of(key), "missing");
            error.hint(format!("this table needs {key} = ..."))
        })
    }

    /// The tables of a key that is a list of them; empty where it is not there.
    pub(crate) fn tables(&self, key: &str, known: &[&str]) -> Result<Vec<Self>, CatalogError> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        value.list()?.into_iter().map(|item| item.table(known)).collect()
    }
}

/// A value of a catalogue file.
#[derive(Clone)]
pub(crate) struct Value<'a> {
    source: Source<'a>,
    key: String,
    span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    /// An error about this value.
    pub(crate) fn error(&self, message: impl Into<String>) -> CatalogError {
        CatalogError::at(&self.source, &self.span, self.key.clone(), message)
    }

    fn expected(&self, what: &str) -> CatalogError {
        let text = self.source.text.get(self.span.clone()).unwrap_or_default();
        let text: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
        self.error(format!("{text} is not {what}"))
    }

    /// The line on which the value begins.
    pub(crate) fn line(&self) -> u32 {
        self.source.line_at(&self.span)
    }

    /// The byte of the text with which the value begins.
    pub(crate) const fn start(&self) -> usize {
        self.span.start
    }

    /// The line of another byte of the same text.
    pub(crate) fn line_of(&self, offset: usize) -> u32 {
        self.source.line_of(offset)
    }

    /// Whether it is a table.
    pub(crate) const fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// A table; refuses keys other than `known`.
    pub(crate) fn table(&self, known: &[&str]) -> Result<Section<'a>, CatalogError> {
        let DeValue::Table(table) = self.value else { return Err(self.expected("a table")) };
        let section = Section { source: self.source, path: self.key.clone(), span: self.span.clone(), table };
        section.with_known(known)
    }

    /// A list.
    pub(crate) fn list(&self) -> Result<Vec<Self>, CatalogError> {
        let DeValue::Array(list) = self.value else { return Err(self.expected("a list")) };
        let item = |item: &'a Spanned<DeValue<'a>>| Self {
            source: self.source,
            key: self.key.clone(),
            span: item.span(),
            value: item.get_ref(),
        };
        Ok(list.iter().map(item).collect())
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&'a str, CatalogError> {
        self.value.as_str().ok_or_else(|| self.expected("a text"))
    }

    /// Text of one line for people, 1 to `bytes_max` bytes.
    pub(crate) fn title(&self, bytes_max: usize) -> Result<String, CatalogError> {
        let text = self.text()?;
        assert!(bytes_max > 0, "a text of no bytes refuses everything");
        let fits = (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned()).ok_or_else(|| self.expected(&format!("a text of 1 to {bytes_max} bytes")))
    }

    /// A name: 1 to `bytes_max` ASCII letters, digits, "-", "_" and ".".
    pub(crate) fn name(&self, bytes_max: usize) -> Result<String, CatalogError> {
        let text = self.text()?;
        assert!(bytes_max > 0, "a name of no bytes refuses everything");
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=bytes_max).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(text.to_owned());
        }
        let error = self.expected(&format!("a name of 1 to {bytes_max} bytes"));
        Err(error.hint("names are made of letters, digits, \"-\", \"_\" and \".\""))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Result<bool, CatalogError> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// A whole number in a range.
    pub(crate) fn integer<T: TryFrom<u64>>(&self, range: RangeInclusive<u64>) -> Result<T, CatalogError> {
        assert!(range.start() <= range.end(), "a range of no number refuses everything");
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.expected(&what))
    }

    /// One of the names of a fixed list.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, CatalogError> {
        assert!(!choices.is_empty(), "a choice of nothing refuses everything");
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        found.ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let error = self.error(format!("\"{text}\" is not one of {}", names.join(", ")));
            error.nearest_of(text, names.iter().copied())
        })
    }

    /// An amount of credits up to `most`, exact: `73.5` or `"73.5"` (R1).
    pub(crate) fn credits(&self, most: Credits) -> Result<Credits, CatalogError> {
        let millis = self.thousandths("an amount of credits", "the smallest amount is 0.001 credits")?;
        let amount = Credits::from_millis(millis);
        if amount <= most { Ok(amount) } else { Err(self.expected(&format!("an amount of at most {most} credits"))) }
    }

    /// A decimal number in thousandths, not negative. `what` names it in errors, `hint` comes with too many decimals.
    pub(crate) fn thousandths(&self, what: &str, hint: &str) -> Result<u64, CatalogError> {
        let digits = match self.value {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(self.expected(&format!("{what}, such as 73.5"))),
        };
        if digits.starts_with('-') {
            return Err(self.error(format!("{digits} is negative")).hint("0 is the least"));
        }
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(decimals) {
            return Err(self.expected(&format!("{what}, such as 73.5")));
        }
        if decimals.len() > 3 {
            return Err(self.error(format!("{digits} has more than three decimals")).hint(hint));
        }
        let whole: Option<u64> = whole.parse().ok();
        let rest: Option<u64> = format!("{decimals:0<3}").parse().ok();
        let thousandths = whole
            .and_then(|whole| whole.checked_mul(MILLICREDITS_PER_CREDIT))
            .zip(rest)
            .and_then(|(a, b)| a.checked_add(b));
        assert!(rest.is_none_or(|rest| rest < MILLICREDITS_PER_CREDIT), "R1: three decimals are less than one");
        assert!(thousandths >= whole || thousandths.is_none(), "R1: thousandths are no fewer than what is whole");
        thousandths.ok_or_else(|| self.error(format!("{digits} is too large")))
    }
}
