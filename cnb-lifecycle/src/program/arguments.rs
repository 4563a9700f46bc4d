//! What follows the flags: the names of images, or nothing.

use super::failure::Failure;
use super::failure::code;
use super::inputs::Inputs;
use super::name::Phase;

/// Warns about arguments that look like flags: flags end at the first argument.
pub(super) fn warn_about_flags(arguments: &[String]) {
    for argument in arguments.iter().filter(|argument| argument.starts_with('-')) {
        tracing::warn!(
            "Warning: unconsumed flag-like positional arg: \n\t{argument}\n\t This will not be interpreted as a \
             flag.\n\t Did you mean to put this before the first positional argument?"
        );
    }
}

/// Takes the output image and further tags from the arguments.
pub(super) fn accept(phase: Phase, arguments: Vec<String>, inputs: &mut Inputs) -> Result<(), Failure> {
    let refused = match (phase, arguments.len()) {
        (Phase::Analyze | Phase::Create, 1) => None,
        (Phase::Analyze | Phase::Create, count) => {
            Some(format!("received {count} arguments, but expected 1"))
        }
        (Phase::Export | Phase::Rebase, 0) => Some("at least one image argument is required".to_owned()),
        (Phase::Export | Phase::Rebase, _) | (_, 0) => None,
        _ => Some("received unexpected arguments".to_owned()),
    };
    if let Some(why) = refused {
        return Err(Failure::new("parse arguments", why).with_code(code::INVALID_ARGUMENTS));
    }
    let mut arguments = arguments.into_iter();
    inputs.output_image = arguments.next().unwrap_or_default();
    inputs.tags.extend(arguments);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_arguments_depends_on_the_phase() {
        let table = [
            (Phase::Detect, 0, true),
            (Phase::Detect, 1, false),
            (Phase::Analyze, 0, false),
            (Phase::Analyze, 1, true),
            (Phase::Create, 2, false),
            (Phase::Export, 0, false),
            (Phase::Export, 3, true),
        ];
        for (phase, count, accepted) in table {
            let arguments = (0..count).map(|number| format!("image{number}")).collect();
            let mut inputs = Inputs::default();
            assert_eq!(accept(phase, arguments, &mut inputs).is_ok(), accepted, "{phase:?} {count}");
            if accepted && count > 0 {
                assert_eq!(inputs.output_image, "image0");
                assert_eq!(inputs.tags.len(), count - 1);
            }
        }
    }
}
