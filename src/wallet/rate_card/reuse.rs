//! Ids keep their meaning: what a card named once, no later card may name otherwise (R17).

use std::fmt;

use super::{Model, RateCard};

/// An id that a new card gives to something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReusedId {
    /// What it is the id of: "tool", "model", "quality", "resolution", "add-on".
    pub what: &'static str,
    /// The model whose quality, resolution or add-on it is.
    pub model: Option<u32>,
    /// The id.
    pub id: u32,
    /// The name that it belongs to; empty for a model that was retired.
    pub was: String,
    /// The name that the new card gives it.
    pub is: String,
}

/// One sentence, for logs and answers.
impl fmt::Display for ReusedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, model, id, was, is } = self;
        let of = model.map(|model| format!(" of model {model}")).unwrap_or_default();
        match was.as_str() {
            "" => write!(f, "{what} id {id}{of} was retired and cannot be that of \"{is}\""),
            was => write!(f, "{what} id {id}{of} belongs to \"{was}\" and cannot be that of \"{is}\""),
        }
    }
}

impl RateCard {
    /// The first id of `old` that `new` gives to another name, or gives to a model although it was retired. `None` means
    /// that the new card may take the old one's place.
    #[must_use]
    pub fn reuses_ids(old: &Self, new: &Self) -> Option<ReusedId> {
        let pairs = |tool: &super::Tool| (u32::from(tool.id), tool.name.clone());
        let tools = reused("tool", None, old.tools.iter().map(pairs), new.tools.iter().map(pairs));
        let models = || {
            let pairs = |model: &Model| (model.id, model.name.clone());
            let retired = old.retired.iter().map(|id| (*id, String::new()));
            reused("model", None, old.models.iter().map(pairs).chain(retired), new.models.iter().map(pairs))
        };
        let parts = || {
            let both = old.models.iter().filter_map(|before| new.model(before.id).map(|after| (before, after)));
            both.into_iter().find_map(|(before, after)| reused_part(before, after))
        };
        tools.or_else(models).or_else(parts)
    }
}

/// An id that a new card does not know any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ForgottenId {
    /// A tool: there is no list of those that are gone, so they stay.
    Tool {
        /// The id.
        id: u16,
        /// Its name.
        name: String,
    },
    /// A model, which is to be retired.
    Model(u32),
}

/// One sentence, for logs and answers.
impl fmt::Display for ForgottenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool { id, name } => write!(f, "tool {id}, \"{name}\", is gone"),
            Self::Model(id) => write!(f, "model {id} is gone"),
        }
    }
}

impl RateCard {
    /// The first id of `old` that `new` does not know any more: a tool that is gone, or a model that is neither there nor
    /// retired. Each card keeps all ids of the one before it: so none is used again however many come in between (R17).
    #[must_use]
    pub fn forgotten_id(old: &Self, new: &Self) -> Option<ForgottenId> {
        let tool = old.tools.iter().find(|tool| new.tool(tool.id).is_none());
        let models = old.models.iter().map(|model| model.id).chain(old.retired.iter().copied());
        let model = models.filter(|id| new.model(*id).is_none() && !new.retired.contains(id)).min();
        let tool = tool.map(|tool| ForgottenId::Tool { id: tool.id, name: tool.name.clone() });
        tool.or_else(|| model.map(ForgottenId::Model))
    }
}

/// An id of the model's own that changed its name.
fn reused_part(before: &Model, after: &Model) -> Option<ReusedId> {
    let step = |step: &super::Step| (u32::from(step.id), step.name.clone());
    let add_on = |add_on: &super::AddOn| (u32::from(add_on.id), add_on.name.clone());
    let of = Some(after.id);
    reused("quality", of, before.qualities.iter().map(step), after.qualities.iter().map(step))
        .or_else(|| reused("resolution", of, before.resolutions.iter().map(step), after.resolutions.iter().map(step)))
        .or_else(|| reused("add-on", of, before.add_ons.iter().map(add_on), after.add_ons.iter().map(add_on)))
}

fn reused(
    what: &'static str,
    model: Option<u32>,
    old: impl Iterator<Item = (u32, String)>,
    new: impl Iterator<Item = (u32, String)>,
) -> Option<ReusedId> {
    let mut old: Vec<(u32, String)> = old.collect();
    old.sort_unstable_by_key(|(id, _)| *id);
    assert!(old.is_sorted_by(|(one, _), (next, _)| one < next), "R17: an id has one name");
    new.into_iter().find_map(|(id, is)| {
        let (_, was) = old.iter().find(|(known, was)| *known == id && *was != is)?;
        Some(ReusedId { what, model, id, was: was.clone(), is })
    })
}
