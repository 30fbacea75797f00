# The self-host: the same page and streams without Azure Functions.
#   docker build --tag funcsse .
#   docker run --rm --publish 7071:7071 funcsse
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# The packages have a layer of their own, which Docker reuses until a project file changes.
COPY global.json Directory.* ./
COPY FuncSse.Streaming/*.csproj FuncSse.Streaming/
COPY FuncSse.Topics/*.csproj FuncSse.Topics/
COPY FuncSse.Topics.AzureStorage/*.csproj FuncSse.Topics.AzureStorage/
COPY FuncSse.Topics.Redis/*.csproj FuncSse.Topics.Redis/
COPY FuncSse.Endpoints/*.csproj FuncSse.Endpoints/
COPY FuncSse.SelfHost/*.csproj FuncSse.SelfHost/
ARG TARGETARCH
RUN dotnet restore FuncSse.SelfHost --arch $TARGETARCH

COPY . .
RUN dotnet publish FuncSse.SelfHost --configuration Release --arch $TARGETARCH --no-restore --output /app

# This image has no shell and no package manager, and its user is not root.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app .
ENV ASPNETCORE_HTTP_PORTS=7071
EXPOSE 7071
USER $APP_UID
ENTRYPOINT ["dotnet", "FuncSse.SelfHost.dll"]
