//! Ids keep their meaning: what a card named once, no later card may name otherwise (R17).

use std::fmt;

use super::{Model, RateCard, Step};

/// An id that a new card gives to something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReusedId {
    /// What it is the id of: "tool", "model", "quality", "resolution", "add-on".
    pub what: &'static str,
    /// The model whose quality, resolution or add-on it is.
    pub model: Option<u32>,
    /// The id.
    pub id: u32,
    /// The name that it belongs to; empty for one that was retired.
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
    /// An id of a model's own, which is to be retired in that model.
    Part {
        /// What it is the id of: "quality", "resolution", "add-on".
        what: &'static str,
        /// The key of the model that lists those that are gone.
        key: &'static str,
        /// The model.
        model: u32,
        /// The id.
        id: u8,
    },
}

/// One sentence, for logs and answers.
impl fmt::Display for ForgottenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool { id, name } => write!(f, "tool {id}, \"{name}\", is gone"),
            Self::Model(id) => write!(f, "model {id} is gone"),
            Self::Part { what, model, id, .. } => write!(f, "{what} {id} of model {model} is gone"),
        }
    }
}

impl RateCard {
    /// The first id of `old` that `new` does not know any more: a tool that is gone, or a model, or a part of a model that
    /// stays, which is neither there nor retired. Each card keeps all ids of the one before it: so none is used again however
    /// many come in between (R17).
    #[must_use]
    pub fn forgotten_id(old: &Self, new: &Self) -> Option<ForgottenId> {
        let tool = old.tools.iter().find(|tool| new.tool(tool.id).is_none());
        let models = old.models.iter().map(|model| model.id).chain(old.retired.iter().copied());
        let model = models.filter(|id| new.model(*id).is_none() && !new.retired.contains(id)).min();
        let tool = tool.map(|tool| ForgottenId::Tool { id: tool.id, name: tool.name.clone() });
        let both = || old.models.iter().filter_map(|before| new.model(before.id).map(|after| (before, after)));
        let part = || both().find_map(|(before, after)| forgotten_part(before, after));
        tool.or_else(|| model.map(ForgottenId::Model)).or_else(part)
    }
}

/// The parts of a model of one kind, which have ids of their own.
struct Parts<'a> {
    /// What they are called.
    what: &'static str,
    /// The key that lists those that are gone.
    key: &'static str,
    /// Those that are there, by id and name.
    there: Vec<(u8, &'a str)>,
    /// The ids of those that are gone.
    gone: &'a [u8],
}

fn parts(model: &Model) -> [Parts<'_>; 3] {
    let add_ons = model.add_ons.iter().map(|add_on| (add_on.id, add_on.name.as_str())).collect();
    let gone = &model.retired;
    let of = |what, key, there, gone| Parts { what, key, there, gone };
    [
        of("quality", "retired_qualities", names(&model.qualities), gone.qualities.as_slice()),
        of("resolution", "retired_resolutions", names(&model.resolutions), &gone.resolutions),
        of("add-on", "retired_add_ons", add_ons, &gone.add_ons),
    ]
}

fn names(steps: &[Step]) -> Vec<(u8, &str)> {
    steps.iter().map(|step| (step.id, step.name.as_str())).collect()
}

/// An id of the model's own that is neither there nor retired any more.
fn forgotten_part(before: &Model, after: &Model) -> Option<ForgottenId> {
    assert!(before.id == after.id, "R17: the parts of another model");
    parts(before).into_iter().zip(parts(after)).find_map(|(old, new)| {
        let is_known = |id: u8| new.gone.contains(&id) || new.there.iter().any(|(known, _)| *known == id);
        let ids = old.there.iter().map(|(id, _)| *id).chain(old.gone.iter().copied());
        let id = ids.filter(|id| !is_known(*id)).min()?;
        assert!(id > 0, "R17: zero names the default and is no id");
        Some(ForgottenId::Part { what: old.what, key: old.key, model: after.id, id })
    })
}

/// An id of the model's own that changed its name.
fn reused_part(before: &Model, after: &Model) -> Option<ReusedId> {
    assert!(before.id == after.id, "R17: the parts of another model");
    let named = |(id, name): &(u8, &str)| (u32::from(*id), (*name).to_owned());
    parts(before).into_iter().zip(parts(after)).find_map(|(old, new)| {
        let gone = old.gone.iter().map(|id| (u32::from(*id), String::new()));
        reused(old.what, Some(after.id), old.there.iter().map(named).chain(gone), new.there.iter().map(named))
    })
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
