//! Leader Append-Only (Raft §5.3): a leader never takes anything out of its log.

use kraft_proto::Role;

use super::{Step, Verdict, terms};

pub fn check(step: &Step) -> Verdict {
    let (before, after) = (step.before, step.after);
    let leads = before.role == Role::Leader && after.role == Role::Leader;
    if leads && before.term == after.term && !after.log.starts_with(&before.log) {
        return Err(format!(
            "leader {} had {} and has {}",
            after.id,
            terms(&before.log),
            terms(&after.log)
        ));
    }
    Ok(())
}
