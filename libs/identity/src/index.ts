export { type Authenticator, type Expiring, TokenExpired, UsersFileAuthenticator } from './authenticator.ts'
export { agentsGroup, operatorsGroup, User, UsersFile } from './users-file.ts'
