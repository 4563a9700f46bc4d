//! Registries: one with scripted faults, and Debian's `docker-registry`.

mod distribution;
mod real;
