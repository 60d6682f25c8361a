/** What is wrong with a server that no policy matches. */
export const unmentioned = 'no policy mentions it, so every call is denied'
