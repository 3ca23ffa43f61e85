// What staff do with statements: writing, examining, approving.

export const ahead = {};

export const ceremonies = {};
