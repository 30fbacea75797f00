// Lets an identity use a Redis that is there.

param name string

@description('The object id of the identity.')
param principalId string

resource redis 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = {
  name: name

  resource database 'databases' existing = {
    name: 'default'
  }
}

resource access 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: redis::database
  name: guid(principalId)
  properties: {
    accessPolicyName: 'default' // The only one there is: it allows all commands and keys.
    user: {
      objectId: principalId
    }
  }
}

@description('The setting Topics:Redis. It has no password, so the app signs in with its identity.')
output configuration string = '${redis.properties.hostName}:${redis::database.properties.port},ssl=true'
