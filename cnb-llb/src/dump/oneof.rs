//! The members of a `oneof`, each in an object of its own, as BuildKit's `solver/pb/json.go` has them.

use std::borrow::Cow;
use std::mem;

use super::Tree;
use crate::ops::Op;
use crate::wire::Message as _;

type Fields = Vec<(Cow<'static, str>, Tree)>;

/// An operation: its kind is in `Op`, after the inputs.
pub(super) fn op(op: &Op) -> Tree {
    let (mut fields, mut kind) =
        split(op.field_trees(), |name| matches!(name, "inputs" | "platform" | "constraints"));
    let actions =
        kind.iter_mut().find_map(|(name, file)| (name == "file").then(|| child(file, "actions")).flatten());
    if let Some(Tree::List(actions)) = actions {
        actions.iter_mut().for_each(action);
    }
    let after_inputs = usize::from(!op.inputs.is_empty());
    fields.insert(after_inputs, ("Op".into(), Tree::Object(kind)));
    Tree::Object(fields)
}

/// An action: its kind is in `Action`, and where it takes place is also written when zero.
fn action(tree: &mut Tree) {
    const PLACES: [&str; 3] = ["input", "secondaryInput", "output"];
    let Tree::Object(fields) = tree else { return };
    let (places, mut kind) = split(mem::take(fields), |name| PLACES.contains(&name));
    let owner = kind.first_mut().and_then(|(_, kind)| child(kind, "owner"));
    if let Some(Tree::Object(users)) = owner {
        for (_, tree) in users {
            user(tree);
        }
    }
    let place = |name: &'static str| {
        let said = places.iter().find(|(said, _)| said == name);
        (name.into(), said.map_or(Tree::Number(0), |(_, place)| place.clone()))
    };
    fields.extend(PLACES.map(place));
    fields.push(("Action".into(), Tree::Object(kind)));
}

/// A user or a group: its name or its number, `byId` here, is in `User`; number 0 is left out.
fn user(tree: &mut Tree) {
    let Tree::Object(fields) = tree else { return };
    let rename = |(name, value)| (if name == "byID" { "byId".into() } else { name }, value);
    let said = mem::take(fields).into_iter().filter(|(_, value)| *value != Tree::Number(0));
    fields.push(("User".into(), Tree::Object(said.map(rename).collect())));
}

fn split(fields: Fields, is_first: impl Fn(&str) -> bool) -> (Fields, Fields) {
    fields.into_iter().partition(|(name, _)| is_first(name))
}

fn child<'a>(tree: &'a mut Tree, name: &str) -> Option<&'a mut Tree> {
    let Tree::Object(fields) = tree else { return None };
    fields.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
}
