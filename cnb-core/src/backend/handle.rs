//! Opaque handles: what is behind one is the business of the backend that made it.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// Anything a backend wants to keep behind a handle.
pub(super) trait Value: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Value for T {}

/// A cheap reference to a backend's own value.
#[derive(Clone, Debug)]
pub(super) struct Handle(Arc<dyn Value>);

impl Handle {
    pub(super) fn new<T: Any + Debug + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    pub(super) fn downcast_ref<T: Any>(&self) -> Option<&T> {
        let value: &dyn Any = &*self.0;
        value.downcast_ref()
    }
}
