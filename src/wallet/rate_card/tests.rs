//! The card as tables: what each rule makes of a generation.
