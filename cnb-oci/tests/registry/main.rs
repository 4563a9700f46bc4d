//! Registries: one with scripted faults, and Debian's `docker-registry`.

mod blobs;
mod client;
mod credentials;
mod distribution;
mod documents;
mod real;
mod secure;
mod server;
mod uploads;
