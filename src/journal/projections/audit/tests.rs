//! Planted violations, slices, and the bound of the memory.
