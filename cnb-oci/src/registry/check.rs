//! Whether a repository may be read and written, found out before there is something to write.

use cnb_core::reference::Reference;

use super::Registry;
use super::access::Access;
use super::error::Error;

impl Registry {
    /// Makes sure that an image can be read.
    ///
    /// # Errors
    /// [`Error::Status`]: 404 when there is no such image, 401 or 403 when it may not be read, and what some
    /// registries answer for images that do not exist.
    pub fn check_read(&self, reference: &Reference) -> Result<(), Error> {
        let access = Access::pull(reference);
        // Answers to HEAD do not say why.
        let request = self.manifest_request(&access, ureq::http::Method::GET, reference)?;
        self.send(&access, &request, &[200])?.drain();
        Ok(())
    }

    /// Makes sure that a repository can be written: begins an upload and gives it up.
    ///
    /// # Errors
    /// [`Error::Status`]: 401 or 403 when it may not be written.
    pub fn check_write(&self, reference: &Reference) -> Result<(), Error> {
        let access = Access::push(reference);
        let answer = self.attempt(&access, || self.begin(&access, &[])?.expect(&[202]))?;
        self.cancel(&access, &answer);
        Ok(())
    }
}
