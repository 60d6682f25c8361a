/** What is wrong with a server that no policy matches. */
export const noPolicyMentionsIt = 'no policy mentions it, so every call is denied'
