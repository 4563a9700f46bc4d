//! Registries: one with scripted faults, and Debian's `docker-registry`.

mod blobs;
mod client;
mod credentials;
mod distribution;
mod documents;
mod helpers;
mod real;
mod secure;
mod server;
mod uploads;
