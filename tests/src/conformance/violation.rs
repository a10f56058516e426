//! A rule that was broken, and the story of how.

use std::fmt;

use super::rule::Rule;

/// The first thing the suite found wrong with an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// How it came about.
    pub story: Box<Story>,
}

/// What led to a violation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// What was being played, and where it was cut short.
    pub step: String,
    /// What may have been found.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// The writes of the last incarnation, and what was reported of them; the oldest first.
    pub writes: Vec<String>,
    /// How to see it again.
    pub replay: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, story } = self;
        writeln!(
            f,
            "the adapter broke the rule \"{rule}\": {}",
            rule.promise()
        )?;
        writeln!(f, "  step:     {}", story.step)?;
        writeln!(f, "  expected: {}", story.expected)?;
        writeln!(f, "  found:    {}", story.found)?;
        for write in &story.writes {
            writeln!(f, "            {write}")?;
        }
        writeln!(f, "  do:       {}", rule.remedy())?;
        write!(f, "  replay:   {}", story.replay)
    }
}

impl std::error::Error for Violation {}
