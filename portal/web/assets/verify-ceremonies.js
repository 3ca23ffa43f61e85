// What anybody can check: statements, receipts, proofs. Nothing of it goes to a server.

export const ahead = {};

export const ceremonies = {};
