//! What a check has found, for people and for programs.

use std::fmt::Write as _;

use journal::fsck::{Compared, Finding, Place};
use serde_json::{Value, json};

use super::Done;

/// For people.
#[must_use]
pub fn text(done: &Done) -> String {
    let mut out = String::new();
    // A string takes everything.
    let _ = write_text(done, &mut out);
    out
}

fn write_text(done: &Done, out: &mut String) -> std::fmt::Result {
    let report = &done.report;
    let counts = &report.counts;
    if let Some(cut) = &done.cut {
        writeln!(out, "cut          the journal ends at position {} now", cut.last)?;
        writeln!(out, "             as it was: {}", cut.copy.display())?;
        if let Some(aside) = &cut.projections {
            writeln!(
                out,
                "             the projections had gone further and will be made again; as they were: {}",
                aside.display()
            )?;
        }
    }
    if let Some(checked) = report.journal.as_ref().filter(|checked| checked.groups > 0) {
        let (first, end) = (checked.start.first, checked.end);
        writeln!(
            out,
            "journal      positions {first} to {}, epoch {}, {} groups, {} bytes",
            end.last, end.epoch, checked.groups, checked.bytes
        )?;
        writeln!(out, "records      {} read, {} checked and applied", counts.records, counts.applied)?;
    }
    if let Some(reached) = &report.projections {
        writeln!(
            out,
            "projections  position {}: {} wallets, {} open holds, {} ended holds, {} commands and payments",
            reached.position, counts.wallets, counts.open_holds, counts.ended_holds, counts.commands
        )?;
    }
    writeln!(out, "compared     {}", compared_words(report.compared))?;
    for note in &report.notes {
        writeln!(out, "note         {note}")?;
    }
    for (number, finding) in (1..).zip(&report.findings) {
        writeln!(out, "\n{number}. {} {}", finding.invariant, finding.invariant.meaning())?;
        writeln!(out, "   where: {}", place_words(&finding.place))?;
        writeln!(out, "   what:  {}", finding.what)?;
        writeln!(out, "   do:    {}", finding.advice.text())?;
    }
    let all = report.findings.len() as u64 + report.more_findings;
    match (all, report.more_findings) {
        (0, _) => writeln!(out, "clean"),
        (all, 0) => writeln!(out, "\nfindings: {all}"),
        (all, more) => writeln!(out, "\nfindings: {all}, {more} of them not shown"),
    }
}

const fn compared_words(compared: Compared) -> &'static str {
    match compared {
        Compared::Not => "nothing: journal and projections do not meet",
        Compared::Whole => "the projections, row by row, with a replay from the first record on",
        Compared::Partly => "the journal was trimmed: replayed from the rows of the projections on",
    }
}

fn place_words(place: &Place) -> String {
    let mut words = Vec::new();
    if let Some(file) = &place.file {
        words.push(format!("file {file}"));
    }
    if let Some(offset) = place.offset {
        words.push(format!("byte {offset}"));
    }
    if let Some(position) = place.position {
        words.push(format!("position {position}"));
    }
    if let Some(group) = place.group {
        words.push(format!("group ({group})"));
    }
    if let Some(account) = place.account {
        words.push(format!("account {account}"));
    }
    if let Some(hold) = place.hold {
        words.push(format!("hold {hold}"));
    }
    if words.is_empty() { "all wallets".to_owned() } else { words.join(", ") }
}

/// For programs; the names are stable.
#[must_use]
pub fn json(done: &Done) -> String {
    let report = &done.report;
    let counts = &report.counts;
    let journal = report.journal.as_ref().map(|checked| {
        json!({
            "first_position": checked.start.first.0,
            "last_position": checked.end.last.0,
            "epoch": checked.end.epoch.0,
            "groups": checked.groups,
            "bytes": checked.bytes,
            "superseded_groups": checked.superseded.len(),
            "dropped_tail": checked.dropped.map(|dropped| json!({
                "position": dropped.key.first.0,
                "epoch": dropped.key.epoch.0,
                "bytes": dropped.bytes,
                "damage": dropped.damage.to_string(),
            })),
            "torn_end": checked.torn.as_ref().map(|torn| json!({
                "file": torn.path.display().to_string(),
                "byte": torn.from,
                "bytes": torn.bytes,
                "damage": torn.what,
            })),
        })
    });
    let cut = done.cut.as_ref().map(|cut| {
        json!({
            "at_position": cut.at.0,
            "last_position": cut.last.0,
            "journal_before": cut.copy.display().to_string(),
            "projections_before": cut.projections.as_ref().map(|path| path.display().to_string()),
        })
    });
    let value = json!({
        "folder": done.path.display().to_string(),
        "clean": report.is_clean(),
        "cut": cut,
        "journal": journal,
        "projections_position": report.projections.map(|reached| reached.position.0),
        "counts": {
            "records": counts.records,
            "applied": counts.applied,
            "in_doubt": counts.in_doubt,
            "wallets": counts.wallets,
            "open_holds": counts.open_holds,
            "ended_holds": counts.ended_holds,
            "commands": counts.commands,
        },
        "compared": match report.compared {
            Compared::Not => "not",
            Compared::Whole => "whole",
            Compared::Partly => "partly",
        },
        "notes": report.notes,
        "findings": report.findings.iter().map(finding_value).collect::<Vec<_>>(),
        "findings_not_shown": report.more_findings,
    });
    format!("{value:#}\n")
}

fn finding_value(finding: &Finding) -> Value {
    let place = &finding.place;
    json!({
        "invariant": finding.invariant.number(),
        "meaning": finding.invariant.meaning(),
        "what": finding.what,
        "advice": finding.advice.text(),
        "place": {
            "file": place.file,
            "byte": place.offset,
            "position": place.position.map(|position| position.0),
            "group_position": place.group.map(|group| group.first.0),
            "group_epoch": place.group.map(|group| group.epoch.0),
            "account": place.account.map(|account| account.to_string()),
            "hold": place.hold.map(|hold| hold.to_string()),
        },
    })
}
