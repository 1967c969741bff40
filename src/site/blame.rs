//! Where the cause of a change that broke off lies. Pure. The release is blamed only on positive evidence: the API
//! server refused what it brings, or a hook of it failed. What is not known is nobody's fault.

use crate::action::ActionError;
use crate::action::apply::{Problem, Why};
use crate::action::hooks::WhyHook;
use crate::action::records::RecordError;
use crate::cluster::error::Cause as ApiCause;
use crate::gate::Cause;

/// Where the cause of a failed action lies.
pub fn of(error: &ActionError) -> Cause {
    match error {
        ActionError::Api(error) => of_api(error.cause()),
        ActionError::Refused(refused) => of_problems(&refused.problems),
        ActionError::Failed(failed) if failed.stopped.is_some() => Cause::Environment,
        ActionError::Failed(failed) => of_problems(&failed.problems),
        ActionError::Hook(hook) => of_hook(&hook.why),
        ActionError::Lock(_) | ActionError::LockLost(_) | ActionError::Interrupted => Cause::Environment,
        ActionError::NotRecorded { source, .. } => of_record(source),
        ActionError::Manifest { .. } | ActionError::Rendering(_) | ActionError::Crd { .. } => Cause::Release,
        ActionError::Undone { error, .. } | ActionError::NotUndone { error, .. } => of(error),
        ActionError::NotReady(_)
        | ActionError::NotGone(_)
        | ActionError::NotRemoved(_)
        | ActionError::Record { .. }
        | ActionError::Refusal(_)
        | ActionError::Crashed(_)
        | ActionError::ReadOnly
        | ActionError::Uninstall { .. } => Cause::Unknown,
    }
}

/// One reason outside the release is enough: a rollback would meet it as well.
fn of_problems(problems: &[Problem]) -> Cause {
    let causes: Vec<Cause> = problems.iter().map(|problem| of_why(&problem.why)).collect();
    let strongest = [Cause::Environment, Cause::Unknown, Cause::Release];
    strongest.into_iter().find(|cause| causes.contains(cause)).unwrap_or_default()
}

fn of_why(why: &Why) -> Cause {
    match why {
        Why::Api(cause) => of_api(cause),
        Why::Unserved { .. } | Why::OtherVersion { .. } | Why::Immutable(_) => Cause::Release,
        Why::DeadApi { .. } => Cause::Environment,
        // Somebody else has what the chart wants; the chart did not change that.
        Why::Foreign(_) | Why::Conflict(_) => Cause::Unknown,
    }
}

fn of_hook(why: &WhyHook) -> Cause {
    match why {
        WhyHook::Manifest { .. } | WhyHook::Unserved { .. } => Cause::Release,
        WhyHook::Create { cause, .. } | WhyHook::Delete { cause, .. } => of_api(cause),
        WhyHook::Store(error) => of_record(error),
        WhyHook::NoLeave(_) => Cause::Environment,
        // A Job that failed, an image that cannot be pulled, a time that was too short, somebody else's object: the
        // chart may have done it or not.
        WhyHook::NotReady(_) | WhyHook::NotGone(_) | WhyHook::Exists { .. } => Cause::Unknown,
    }
}

/// The release has nothing to do with how its records are kept.
fn of_record(error: &RecordError) -> Cause {
    match error {
        RecordError::Api(_) | RecordError::NoLeave(_) => Cause::Environment,
        RecordError::Codec { .. } => Cause::Unknown,
    }
}

/// An answer that refuses the object is about the object; everything else is about who asked, or whom.
fn of_api(cause: &ApiCause) -> Cause {
    match cause {
        ApiCause::Refused { code: 400..=499, .. } if !is_busy(cause) => Cause::Release,
        ApiCause::Unreachable(_)
        | ApiCause::Tls(_)
        | ApiCause::WrongCredentials(_)
        | ApiCause::Credentials(_)
        | ApiCause::Refused { .. } => Cause::Environment,
        ApiCause::Forbidden(_) | ApiCause::NotFound(_) | ApiCause::Conflict(_) | ApiCause::Other(_) => {
            Cause::Unknown
        }
    }
}

fn is_busy(cause: &ApiCause) -> bool {
    matches!(cause, ApiCause::Refused { code: 408 | 429, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::apply::{Applied, Failed};
    use crate::cluster::ApiError;
    use crate::helm::manifest::Key;

    fn api(cause: ApiCause) -> ActionError {
        ActionError::Api(ApiError::with_cause("c", "apply", cause))
    }

    fn refused(code: u16) -> ApiCause {
        ApiCause::Refused { code, message: "no".to_owned() }
    }

    fn failed(causes: Vec<ApiCause>) -> ActionError {
        let key = || Key { group: String::new(), kind: "A".into(), namespace: None, name: "a".into() };
        let problems = causes.into_iter().map(|cause| Problem { key: key(), why: Why::Api(cause) }).collect();
        ActionError::Failed(Failed::new(Applied::default(), problems))
    }

    #[test]
    fn an_outage_is_outside_and_a_refusal_is_the_release() {
        let table = [
            (api(ApiCause::Unreachable("reset".to_owned())), Cause::Environment),
            (api(refused(503)), Cause::Environment),
            (api(refused(500)), Cause::Environment),
            (api(refused(429)), Cause::Environment),
            (api(refused(422)), Cause::Release),
            (api(ApiCause::Forbidden("denied".to_owned())), Cause::Unknown),
            (ActionError::Interrupted, Cause::Environment),
            (ActionError::Crashed("rendering".to_owned()), Cause::Unknown),
            (failed(vec![refused(422)]), Cause::Release),
            (failed(vec![refused(422), refused(503)]), Cause::Environment),
            (failed(vec![refused(422), ApiCause::Conflict("moved".to_owned())]), Cause::Unknown),
        ];
        for (error, expected) in table {
            assert_eq!(of(&error), expected, "{error:?}");
        }
    }
}
