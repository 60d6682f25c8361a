export { type Authenticator, type Expiring, UsersFileAuthenticator } from './authenticator.ts'
export { agentsGroup, operatorsGroup, User, UsersFile } from './users-file.ts'
