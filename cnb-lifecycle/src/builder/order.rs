//! Which buildpacks the order of a builder means.

use cnb_core::buildpack::order::OrderElement;
use cnb_core::buildpack::order::OrderGroup;

use super::buildpack::Buildpack;
use super::error::Error;

/// The order with all versions.
///
/// Source: `processOrder` and `resolveRef` of pack.
pub(super) fn resolve(order: &[OrderGroup], buildpacks: &[Buildpack]) -> Result<Vec<OrderGroup>, Error> {
    let group = |group: &OrderGroup| {
        let elements = group.group.iter().map(|element| element_with_version(element, buildpacks));
        Ok(OrderGroup { group: elements.collect::<Result<_, Error>>()? })
    };
    order.iter().map(group).collect()
}

/// Refuses composite buildpacks whose members the builder does not have.
pub(super) fn check_composites(buildpacks: &[Buildpack]) -> Result<(), Error> {
    for composite in buildpacks {
        for element in composite.descriptor.order.iter().flat_map(|group| &group.group) {
            if !buildpacks.iter().any(|buildpack| is(buildpack, element)) {
                return Err(composite.unusable(format!("the builder does not have its part {element}")));
            }
        }
    }
    Ok(())
}

fn element_with_version(element: &OrderElement, buildpacks: &[Buildpack]) -> Result<OrderElement, Error> {
    let id = &element.id;
    let same_id: Vec<&Buildpack> = buildpacks.iter().filter(|buildpack| buildpack.id == *id).collect();
    let version = match same_id.as_slice() {
        [] => return Err(Error::Order(format!("the builder does not have the buildpack {id}"))),
        [only] if element.version.is_empty() => &only.descriptor.buildpack.version,
        _ if element.version.is_empty() => {
            return Err(Error::Order(format!("the builder has several versions of {id}: give one")));
        }
        some if some.iter().any(|buildpack| is(buildpack, element)) => &element.version,
        _ => return Err(Error::Order(format!("the builder does not have the buildpack {element}"))),
    };
    Ok(OrderElement { version: version.clone(), ..element.clone() })
}

fn is(buildpack: &Buildpack, element: &OrderElement) -> bool {
    buildpack.id == element.id && buildpack.descriptor.buildpack.version == element.version
}
