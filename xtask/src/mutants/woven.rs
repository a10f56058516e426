//! Mutants woven into one text: each function keeps its body and gets a changed copy of it for each
//! of its mutants, and a variable chooses among them when a test starts.
//!
//! One build then holds hundreds of mutants:
//!
//! ```text
//! fn f(a: u8) -> bool {            fn f(a: u8) -> bool {
//!     a < 3                  ─►        if crate::woven::on(17) { a <= 3 }
//! }                                    else if crate::woven::on(18) { a > 3 }
//!                                      else { a < 3 }
//!                                  }
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use super::sample::{Mutant, Place, Span};

/// The variable that chooses, by number from 1.
pub const VARIABLE: &str = "KRAFT_MUTANT";

/// What goes behind the crate's own text: who is chosen.
pub const SWITCH: &str = r#"
extern crate std as woven_std;
pub(crate) mod woven {
    #![allow(missing_docs)]
    pub(crate) fn on(number: u32) -> bool {
        static CHOSEN: super::woven_std::sync::OnceLock<u32> = super::woven_std::sync::OnceLock::new();
        let chosen = || super::woven_std::env::var("KRAFT_MUTANT").ok()?.parse().ok();
        *CHOSEN.get_or_init(|| chosen().unwrap_or(0)) == number
    }
}
"#;

/// A file with mutants in it, and on which lines each of them stands.
pub struct Woven {
    pub text: String,
    pub lines: Vec<(u32, Range<usize>)>,
}

/// Weaves these mutants of one file in; those that cannot be stay out, as constants and what is
/// computed by the compiler have no moment to choose.
pub fn weave(text: &str, mutants: &[(u32, &Mutant)]) -> Woven {
    let mut functions: BTreeMap<(usize, usize), Vec<(u32, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants {
        if let Some(body) = body_of(text, mutant) {
            let copies = functions.entry((body.start, body.end)).or_default();
            copies.push((*number, mutant));
        }
    }
    let mut woven = Woven {
        text: String::new(),
        lines: Vec::new(),
    };
    let mut copied = 0;
    for ((start, end), mutants) in functions {
        let body = start..end;
        // A function within another goes with the outer one's copies.
        if body.start < copied {
            continue;
        }
        woven.text += &text[copied..body.start];
        woven.text += "{\n";
        for (number, mutant) in mutants {
            woven.text += &format!("if crate::woven::on({number}) \n");
            let first = woven.text.lines().count() + 1;
            let changed = range(text, mutant.span);
            woven.text += &text[body.start..changed.start];
            // A space keeps a word from growing together with its neighbour.
            woven.text += &format!(" {} ", mutant.replacement);
            woven.text += &text[changed.end..body.end];
            woven.text += "\n";
            let last = woven.text.lines().count();
            woven.lines.push((number, first..last + 1));
            woven.text += "else ";
        }
        woven.text += &text[body.clone()];
        woven.text += "\n}";
        copied = body.end;
    }
    woven.text += &text[copied..];
    woven
}

/// The body of a mutant's function with its braces.
fn body_of(text: &str, mutant: &Mutant) -> Option<Range<usize>> {
    let function = range(text, mutant.function.as_ref()?.span);
    let mut start = function.start;
    for line in text[function.clone()].split_inclusive('\n') {
        let code = line.trim_start();
        if code.starts_with("//") || code.starts_with('#') {
            start += line.len();
        } else {
            break;
        }
    }
    let open = start + text[start..function.end].find('{')?;
    let changed = range(text, mutant.span);
    let computed = text[start..open].contains("const fn");
    (!computed && open < changed.start && changed.end < function.end).then_some(open..function.end)
}

fn range(text: &str, span: Span) -> Range<usize> {
    offset(text, span.start)..offset(text, span.end)
}

fn offset(text: &str, place: Place) -> usize {
    let lines = text.split_inclusive('\n').take(place.line - 1);
    let before: usize = lines.map(str::len).sum();
    let rest = text[before..].char_indices();
    let column = rest.map(|(at, _)| at).nth(place.column - 1);
    column.map_or(text.len(), |column| before + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(line: usize, columns: [usize; 2], replacement: &str, lines: [usize; 2]) -> Mutant {
        let place = |line, column| Place { line, column };
        let span = |start, end| serde_json::json!({"start": start, "end": end});
        let json = |place: Place| serde_json::json!({"line": place.line, "column": place.column});
        let function = span(json(place(lines[0], 1)), json(place(lines[1], 2)));
        let change = span(json(place(line, columns[0])), json(place(line, columns[1])));
        let mutant = serde_json::json!({
            "name": "m", "file": "f", "span": change, "replacement": replacement,
            "function": {"span": function},
        });
        serde_json::from_value(mutant).unwrap()
    }

    const TEXT: &str = "/// Less {than}.\nfn f(a: u8) -> bool {\n    a < 3\n}\nfn g() {}\n";

    #[test]
    fn a_function_gets_a_copy_for_each_mutant_and_keeps_its_body() {
        let less = mutant(3, [7, 8], "<=", [1, 4]);
        let more = mutant(3, [7, 8], ">", [1, 4]);
        let woven = weave(TEXT, &[(17, &less), (18, &more)]);
        let words: Vec<&str> = woven.text.split_whitespace().collect();
        let expected = "/// Less {than}. fn f(a: u8) -> bool { \
            if crate::woven::on(17) { a <= 3 } else if crate::woven::on(18) { a > 3 } \
            else { a < 3 } } fn g() {}";
        assert_eq!(words.join(" "), expected);
        for (number, lines) in woven.lines {
            let text: Vec<&str> = woven.text.lines().collect();
            let copy = text[lines.start - 1..lines.end - 1].join("");
            let sign = if number == 17 { "<=" } else { ">" };
            assert!(copy.contains(sign), "{copy}");
        }
    }

    #[test]
    fn what_the_compiler_computes_stays_out() {
        let text = TEXT.replace("fn f", "const fn f");
        let less = mutant(3, [7, 8], "<=", [1, 4]);
        assert_eq!(weave(&text, &[(1, &less)]).text, text);
    }
}
