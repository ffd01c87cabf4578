"""Proof that leaves the database: Merkle trees and signed notes, in published formats. Pure."""
