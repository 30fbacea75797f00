# The self-host: the same page and stream without Azure Functions.
#   docker build --tag funcsse .
#   docker run --rm --publish 7071:7071 funcsse
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish FuncSse.SelfHost --configuration Release --output /app

# No shell and no package manager; its user is not root.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app .
ENV URLS=http://+:7071
EXPOSE 7071
USER $APP_UID
ENTRYPOINT ["dotnet", "FuncSse.SelfHost.dll"]
