//! Blobs from one repository to another, with as few bytes on the way as possible.

use std::io;
use std::io::Read;

use cnb_core::digest::Digest;
use cnb_core::reference::Reference;

use super::Registry;
use super::access::Access;
use super::blob::BlobReader;
use super::error::Error;
use crate::blob::Blob;
use crate::blob::Blobs;
use crate::descriptor::Descriptor;

/// How a blob got where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Copied {
    /// It was there.
    Present,
    /// The registry took it from another repository of its own.
    Mounted,
    /// It was sent.
    Uploaded,
}

impl Registry {
    /// Makes a blob of another repository of the same registry one of this repository, without sending it: whether
    /// the registry did so. A refusal is no error, as the blob can be uploaded instead.
    ///
    /// # Errors
    /// [`Error::Connection`]; [`Error::Status`] when trying again might help, but did not.
    pub fn mount_blob(&self, to: &Reference, from_repository: &str, digest: &Digest) -> Result<bool, Error> {
        let access = Access::push(to).and_pull(from_repository);
        let parameters = [("mount", digest.as_str()), ("from", from_repository)];
        match self.attempt(&access, || self.begin(&access, &parameters)?.expect(&[201, 202])) {
            Ok(answer) if answer.status() == 201 => {
                answer.drain();
                Ok(true)
            }
            Ok(answer) => {
                self.cancel(&access, &answer);
                Ok(false)
            }
            Err(error @ Error::Status { .. }) if !error.is_retryable() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies a blob to the repository of `to`, unless it is there: by mounting it where both repositories are of
    /// the same registry, else byte by byte, verified on the way.
    ///
    /// # Errors
    /// As [`Registry::blob`], [`Registry::upload`]; [`Error::Corrupt`] and [`Error::Size`] when the blob is not
    /// what the descriptor says.
    pub fn copy_blob(
        &self,
        from: (&Self, &Reference),
        to: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Copied, Error> {
        let access = Access::push(to);
        let (source, reference) = from;
        if self.has_blob_as(&access, &descriptor.digest)? {
            return Ok(Copied::Present);
        }
        if reference.registry() == to.registry()
            && reference.repository() != to.repository()
            && self.mount_blob(to, reference.repository(), &descriptor.digest)?
        {
            return Ok(Copied::Mounted);
        }
        let blob = Blob { digest: descriptor.digest.clone(), size: descriptor.size };
        self.uploaded(&access, |upload| {
            let mut content = Content { reader: source.blob(reference, descriptor)?, error: None };
            let sent = upload.send(&mut content, &blob);
            content.error.map_or(sent, Err)
        })?;
        Ok(Copied::Uploaded)
    }
}

impl Registry {
    /// Uploads a blob of a directory, unless the repository has it. It is verified on the way.
    ///
    /// # Errors
    /// [`Error::Content`] when the blob is not there or not what the descriptor says; [`Error::Status`],
    /// [`Error::Connection`].
    pub fn push_blob(&self, to: &Reference, blobs: &Blobs, descriptor: &Descriptor) -> Result<Copied, Error> {
        let access = Access::push(to);
        if self.has_blob_as(&access, &descriptor.digest)? {
            return Ok(Copied::Present);
        }
        let failed = |error| Error::Content { repository: to.repository().to_owned(), source: error };
        let blob = Blob { digest: descriptor.digest.clone(), size: descriptor.size };
        self.uploaded(&access, |upload| {
            let opened = blobs.open(&blob.digest, blob.size);
            let mut reader = opened.map_err(|error| failed(io::Error::other(error)))?;
            upload.send(&mut reader, &blob)
        })?;
        Ok(Copied::Uploaded)
    }
}

impl Registry {
    /// Brings a blob into a directory, unless that has it. It is verified on the way.
    ///
    /// # Errors
    /// As [`Registry::blob`]; [`Error::Blob`] when it cannot be written.
    pub fn pull_blob(&self, from: &Reference, blobs: &Blobs, descriptor: &Descriptor) -> Result<(), Error> {
        let Descriptor { digest, size, .. } = descriptor;
        if blobs.open(digest, *size).is_ok() {
            return Ok(());
        }
        let path = blobs.path(digest);
        let mut content = Content { reader: self.blob(from, descriptor)?, error: None };
        let mut writer = blobs.writer()?;
        let copied = writer.copy_from(&mut content, &path);
        content.error.map_or(Ok(()), Err)?;
        copied?;
        Ok(writer.finish_as(digest, &path)?)
    }
}

/// A blob that is sent on. It keeps its error, which says more than that sending failed.
struct Content {
    reader: BlobReader,
    error: Option<Error>,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read_verified(buffer).map_err(|error| {
            self.error = Some(error);
            io::Error::other("the blob cannot be read")
        })
    }
}
