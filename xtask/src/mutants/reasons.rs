//! Mutants that survive for a reason: `tests/mutants.txt`.
//!
//! A mutant stands on a line of its own, by its key; the reason stands indented below it.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// Reads the list.
pub fn read(text: &str) -> Result<BTreeMap<String, String>> {
    let mut reasons = BTreeMap::new();
    let mut mutant: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_prefix("    ") {
            Some(reason) => {
                ensure!(mutant.is_some(), "line {number}: a reason for nothing");
                let known: &mut String = reasons
                    .entry(mutant.unwrap_or_default().into())
                    .or_default();
                if !known.is_empty() {
                    known.push(' ');
                }
                known.push_str(reason.trim());
            }
            None => {
                let explained = mutant.is_none_or(|mutant| reasons.contains_key(mutant));
                ensure!(explained, "line {number}: no reason for the mutant before");
                ensure!(
                    !reasons.contains_key(line),
                    "line {number}: the mutant is there twice"
                );
                mutant = Some(line);
            }
        }
    }
    let explained = mutant.is_none_or(|mutant| reasons.contains_key(mutant));
    ensure!(explained, "no reason for the last mutant");
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mutant_has_a_reason() {
        let reasons = read("# list\n\na | b\n    because\n    of this\nc | d\n    no\n").unwrap();
        assert_eq!(reasons["a | b"], "because of this");
        assert_eq!(reasons.len(), 2);
        for bad in [
            "a | b\n",
            "a\nb\n    why\n",
            "    why\n",
            "a\n    b\na\n    c\n",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
