// What staff do to come in: their key file, their session.

export const ahead = {};

export const ceremonies = {};
