//! Scripting bare nodes over JSON lines.
fn main() {}
