//! The contract table of `kraft-proto/DURABILITY.md`, from what runs have shown.

use super::cells::{COLUMNS, Column, Promise, ROWS, Row};
use super::tally::Tally;

/// Where the table stands in a document.
pub const BEGIN: &str = "<!-- contract -->";
/// Where it ends.
pub const END: &str = "<!-- /contract -->";

fn heard(row: Row) -> [&'static str; 2] {
    match row {
        Row::Async => ["`ASYNC`", "the leader's memory"],
        Row::FewWritten => [
            "`LEADER_ONLY` or `AT_LEAST_n` below a majority, written",
            "that many operating systems",
        ],
        Row::FewSynced => ["the same, synced", "that many disks"],
        Row::MajorityWritten => [
            "`SYNC`, `AT_LEAST_n` from a majority up, or a fallback: written",
            "a majority's operating systems",
        ],
        Row::MajoritySynced => ["the same, synced", "a majority's disks"],
        Row::AllWritten => ["`ALL`, written", "every voter's operating system"],
        Row::AllSynced => ["`ALL`, synced", "every voter's disk"],
    }
}

/// What a cell says beyond its promise.
fn remark(row: Row, column: Column) -> &'static str {
    match (row, column) {
        (Row::MajorityWritten, Column::MinorityDark) => " ¹",
        (Row::AllWritten, Column::MinorityDark | Column::MostDark) => " ¹",
        (Row::FewSynced, Column::AllDark) => "; kept if a holder leads",
        (Row::AllSynced, Column::AllDark) => "; one disk that is left has it",
        _ => "",
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The table, with what was counted in each cell and, where a write may be lost, a seed that shows
/// it.
pub fn table(total: &Tally) -> String {
    let mut text = String::from(
        "| you heard | held at that moment by | leader is killed | leader changes, no crash | \
         a minority loses power | a majority does, not all | all lose power |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in ROWS {
        let [what, by] = heard(row);
        text += &format!("| {what} | {by} |");
        for column in COLUMNS {
            let cell = total.cells.get(row, column);
            let remark = remark(row, column);
            let (kept, all) = (thousands(cell.kept), thousands(cell.kept + cell.lost));
            text += &match row.promise(column) {
                Promise::Survives => format!(" survives{remark}: {kept} of {all} |"),
                Promise::MayLose => {
                    let seed = cell.lost_in.map_or(String::from("none"), |s| s.to_string());
                    let lost = thousands(cell.lost);
                    format!(" may lose{remark}: {lost} of {all} lost, seed {seed} |")
                }
            };
        }
        text += "\n";
    }
    text += &format!(
        "\nCounted in {} simulated runs, {:.0} cluster-hours, by `cargo xtask contract --write`; \
         `cargo xtask sim draw SEED` prints a run.\n",
        thousands(total.runs),
        total.simulated_us as f64 / 3.6e9
    );
    text
}

/// A document with the table between its markers.
pub fn between_markers(document: &str, table: &str) -> Result<String, String> {
    let missing = || format!("no `{BEGIN}` followed by `{END}`");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}
