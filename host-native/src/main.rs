//! The `kraft` command.
fn main() {}
