//! Trees while they are made, and paths in them: what the local backend and `cnb-helper` have in common.

mod compose;
pub(crate) mod draft;
pub(crate) mod error;
pub(crate) mod inside;
mod load;
mod owner;
mod read;
mod select;

pub(crate) use compose::copy;
pub(crate) use draft::Draft;
pub(crate) use load::load;
pub(crate) use owner::Owners;
pub(crate) use read::read;
pub(crate) use select::select;
