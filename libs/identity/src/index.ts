export { type Authenticator, UsersFileAuthenticator } from './authenticator.ts'
export { agentsGroup, operatorsGroup, User, UsersFile } from './users-file.ts'
