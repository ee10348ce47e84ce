//! Every refusal of the parser, with its line, key and hint.
